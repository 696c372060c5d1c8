-- Import sideman's newest finished clip on a new track, at the edit cursor and at the project's
-- tempo. Load it in REAPER's action list ("New action", "Load ReaScript"), and give it a key.
--
-- The clips folder is asked for once and remembered. Unfinished files (.part) and recordings of
-- the master are passed over. Which clip is the newest is read from the files themselves, as
-- ReaScript has no way to ask for a file's date.

local SECTION, KEY = "sideman", "clips_folder"

-- 1: on a new track, 8: match the project's tempo, 256: loop, so that the item can be pulled longer
local INSERT_MODE = 1 + 8 + 256

-- The chunks before the audio: two copies of a prompt of 4096 characters fit several times over.
local HEAD_BYTES = 128 * 1024

local function ask_for_folder()
  if reaper.JS_Dialog_BrowseForFolder then -- there if the js_ReaScriptAPI extension is
    local chosen, folder = reaper.JS_Dialog_BrowseForFolder("sideman's clips folder", "")
    return chosen == 1 and folder or nil
  end
  local ok, folder = reaper.GetUserInputs(
    "sideman", 1, "sideman's clips folder:,extrawidth=300", "")
  return ok and folder or nil
end

local function clips_folder()
  local folder = reaper.GetExtState(SECTION, KEY)
  if folder == "" then
    folder = ask_for_folder()
    if not folder or folder == "" then return nil end
    folder = folder:gsub("[/\\]+$", "")
    reaper.SetExtState(SECTION, KEY, folder, true)
  end
  return folder
end

-- When sideman made the file, as text that sorts, or nil for a file that is no clip of sideman's.
local function created(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local head = file:read(HEAD_BYTES) or ""
  file:close()
  if not head:find('"sideman": 1', 1, true) then return nil end
  return head:match('"created": "([^"]+)"')
end

local function newest_clip(folder)
  reaper.EnumerateFiles(folder, -1) -- forget what REAPER remembers of the folder
  local newest, newest_created
  local index = 0
  local name = reaper.EnumerateFiles(folder, index)
  while name do
    if name:lower():match("%.wav$") and not name:match("^master_") then
      local made = created(folder .. "/" .. name)
      if made and (not newest_created or made > newest_created) then
        newest, newest_created = name, made
      end
    end
    index = index + 1
    name = reaper.EnumerateFiles(folder, index)
  end
  return newest
end

local folder = clips_folder()
if not folder then return end

local name = newest_clip(folder)
if not name then
  reaper.DeleteExtState(SECTION, KEY, true)
  reaper.MB(
    "No finished clip of sideman's in\n" .. folder ..
    "\n\nRender one first (/clip/render), or run this again to choose another folder.", "sideman", 0)
  return
end

reaper.Undo_BeginBlock()
reaper.InsertMedia(folder .. "/" .. name, INSERT_MODE)
reaper.Undo_EndBlock("Import " .. name, -1)
