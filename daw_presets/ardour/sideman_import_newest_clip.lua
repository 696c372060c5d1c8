ardour {
  ["type"] = "EditorAction",
  name = "sideman: import newest clip",
  license = "MIT",
  author = "sideman",
  description = [[
Import sideman's newest finished clip on a new track, at the playhead. Unfinished files (.part) and
recordings of the master are passed over. The clips folder is asked for once, when the action is
added.]]
}

function action_params ()
  return { ["folder"] = { title = "sideman's clips folder", default = "~/clips" } }
end

-- Ardour keeps this function alone, as compiled code: what it uses has to stand inside it.
function factory (params)
  -- The chunks before the audio: two copies of a prompt of 4096 characters fit several times over.
  local HEAD_BYTES = 128 * 1024

  local function say (text)
    LuaDialog.Message (
      "sideman", text, LuaDialog.MessageType.Info, LuaDialog.ButtonType.Close):run ()
  end

  local function clips_folder ()
    local folder = params["folder"]:gsub ("^~", function () return os.getenv ("HOME") end)
    return (folder:gsub ("(.)[/\\]+$", "%1"))
  end

  -- Ardour's Lua cannot list a folder, so the system's own command does.
  local function listing (folder)
    if ARDOUR.LuaAPI.build_filename ("a", "b") == "a\\b" then
      return io.popen ('dir /b /a-d "' .. folder .. '" 2>nul')
    end
    return io.popen ("LC_ALL=C ls -1 -- '" .. folder:gsub ("'", "'\\''") .. "' 2>/dev/null")
  end

  -- When sideman made the file, as text that sorts, or nil for a file that is no clip of sideman's.
  local function created (path)
    local file = io.open (path, "rb")
    if not file then return nil end
    local head = file:read (HEAD_BYTES) or ""
    file:close ()
    if not head:find ('"sideman": 1', 1, true) then return nil end
    return head:match ('"created": "([^"]+)"')
  end

  local function newest_clip (folder)
    local newest, newest_created
    local names = listing (folder)
    for name in names:lines () do
      if name:lower ():match ("%.wav$") and not name:match ("^master_") then
        local path = ARDOUR.LuaAPI.build_filename (folder, name)
        local made = created (path)
        if made and (not newest_created or made > newest_created) then
          newest, newest_created = path, made
        end
      end
    end
    names:close ()
    return newest
  end

  return function ()
    local folder = clips_folder ()
    local path = newest_clip (folder)
    if not path then
      say ("No finished clip of sideman's in " .. folder ..
        ". Render one first (/clip/render), or add this action again with another folder.")
      return
    end
    local files = C.StringVector ()
    files:push_back (path)
    Editor:do_import (
      files, Editing.ImportDistinctFiles, Editing.ImportAsTrack, ARDOUR.SrcQuality.SrcBest,
      ARDOUR.MidiTrackNameSource.SMFTrackName, ARDOUR.MidiTempoMapDisposition.SMFTempoIgnore,
      Temporal.timepos_t (Session:transport_sample ()), ARDOUR.PluginInfo (), ARDOUR.Track (),
      false)
  end
end
