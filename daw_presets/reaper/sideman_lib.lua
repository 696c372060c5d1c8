-- What the sideman actions share. It must lie beside them; it is no action itself.
--
-- ReaScript has no sockets, so messages go through the command `sideman send`, which is started
-- without waiting: messages are put into a file, replies come in another, and REAPER's own timer
-- looks for it. No words of the user's are ever on a command line, only names of our own files.

local lib = {}

local SECTION = "sideman"
local DEFAULT_SERVER = "127.0.0.1:9740"

-- 1: on a new track, 8: match the project's tempo, 256: loop, so that the item can be pulled longer
local INSERT_MODE = 1 + 8 + 256

-- Starting Python takes some of them at worst, on a cold disk.
local START_S = 20

-- The chunks before the audio: two copies of a prompt of 4096 characters fit several times over.
local HEAD_BYTES = 128 * 1024

function lib.say(text)
  reaper.MB(text, "sideman", 0)
end

-- ---- What is asked once and remembered

local function remembered(key)
  local value = reaper.GetExtState(SECTION, key)
  return value ~= "" and value or nil
end

function lib.remember(key, value)
  reaper.SetExtState(SECTION, key, value, true)
end

function lib.recall(key, otherwise)
  return remembered(key) or otherwise
end

local function is_file(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- Where `sideman` is on the path, as far as REAPER sees one; else just its name.
local function likely_command()
  local windows = reaper.GetOS():find("^Win") ~= nil
  local name = windows and "sideman.exe" or "sideman"
  for folder in (os.getenv("PATH") or ""):gmatch(windows and "[^;]+" or "[^:]+") do
    if is_file(folder .. "/" .. name) then return folder .. "/" .. name end
  end
  return name
end

-- Ask for the command and the server; nil if the dialog is cancelled.
function lib.ask_for_command()
  local ok, answer = reaper.GetUserInputs(
    "sideman", 2, "Path of the command sideman,Server (HOST:PORT),extrawidth=300",
    lib.recall("command", likely_command()) .. "," .. lib.recall("server", DEFAULT_SERVER))
  if not ok then return nil end
  local command, server = answer:match("^%s*(.-)%s*,%s*([^,]-)%s*$")
  if not command or command == "" or command:find('"') then return nil end
  lib.remember("command", command)
  lib.remember("server", server ~= "" and server or DEFAULT_SERVER)
  return command
end

-- Ask for the clips folder; nil if the dialog is cancelled.
function lib.ask_for_folder()
  local ok, folder
  if reaper.JS_Dialog_BrowseForFolder then -- there if the js_ReaScriptAPI extension is
    ok, folder = reaper.JS_Dialog_BrowseForFolder("sideman's clips folder", "")
    ok = ok == 1
  else
    ok, folder = reaper.GetUserInputs(
      "sideman", 1, "sideman's clips folder:,extrawidth=300", lib.recall("clips_folder", ""))
  end
  if not ok or folder == "" then return nil end
  folder = folder:gsub("[/\\]+$", "")
  lib.remember("clips_folder", folder)
  return folder
end

function lib.clips_folder()
  return remembered("clips_folder") or lib.ask_for_folder()
end

function lib.forget_folder()
  reaper.DeleteExtState(SECTION, "clips_folder", true)
end

-- ---- Messages

-- A string, whole number or float as `sideman send` reads it, whatever it looks like.
function lib.text(value) return "s:" .. value:gsub("[\t\r\n]", " ") end
function lib.whole(value) return string.format("i:%d", value) end
function lib.float(value) return "f:" .. string.format("%.17g", value):gsub(",", ".") end

local function line_of(message)
  return table.concat(message, "\t") .. "\n"
end

local function new_path()
  local folder = reaper.GetResourcePath() .. "/sideman"
  reaper.RecursiveCreateDirectory(folder, 0)
  return folder .. "/" .. reaper.genGuid(""):gsub("[{}]", "")
end

-- All lines of a file, or nil if it is not there.
local function lines_of(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local lines = {}
  for line in file:lines() do lines[#lines + 1] = line end
  file:close()
  return lines
end

-- What went wrong, in `sideman send`'s own words; empty if nothing did.
local function faults_in(lines)
  local faults = {}
  for _, line in ipairs(lines) do
    local fault = line:match("^/error (.*)") or line:match("^/clip/failed %d+ (.*)")
      or line:match("^sideman: (.*)")
    if fault then faults[#faults + 1] = fault end
  end
  return table.concat(faults, "\n")
end

local function not_started_text(command)
  return "sideman does not start:\n" .. (command or "")
    .. "\n\nRun the action sideman_settings to say where it is."
end

-- Whether `sideman send` should have begun long ago, and has not.
local function is_late(path, asked_s)
  return reaper.time_precise() - asked_s > START_S and not is_file(path .. ".answer.part")
end

-- Start `sideman send`; false if it does not start at all, or the user does not say where it is.
local function start(request, answer, options)
  local command = remembered("command") or lib.ask_for_command()
  if not command then return false end
  local line = string.format('"%s" send --osc %s %s--file "%s" --into "%s"',
    command, lib.recall("server", DEFAULT_SERVER), options, request, answer)
  -- -2: without waiting, and with its window, which only Windows would show, minimised
  local started = reaper.ExecProcess(line, reaper.GetOS():find("^Win") and -2 or -1)
  if not started then lib.say(not_started_text(command)) end
  return started ~= nil
end

local function clean_up(path)
  os.remove(path)
  os.remove(path .. ".answer")
end

-- Call `on_answer(lines)` once the answer to `path` is there, from REAPER's timer.
local function wait_for(path, on_answer)
  local asked_s = reaper.time_precise()
  local function look()
    local lines = lines_of(path .. ".answer")
    if lines then
      clean_up(path)
      on_answer(lines)
    elseif is_late(path, asked_s) then
      clean_up(path)
      lib.say(not_started_text(remembered("command")))
    else
      reaper.defer(look)
    end
  end
  look()
end

-- Send messages, lists of words, in order. Returns at once; faults are told to the user, and
-- `on_done(lines)`, if there is one, is called when all is well and every clip that was asked for
-- is in its folder.
function lib.send(messages, on_done)
  local path = new_path()
  local file = io.open(path, "wb")
  if not file then return lib.say("Cannot write to " .. path) end
  for _, message in ipairs(messages) do file:write(line_of(message)) end
  file:close()
  if not start(path, path .. ".answer", "") then return clean_up(path) end
  wait_for(path, function(lines)
    local faults = faults_in(lines)
    if faults ~= "" then
      lib.say(faults)
    elseif on_done then
      on_done(lines)
    end
  end)
end

-- Remove what the last open line has left.
local function remove_leftover()
  local path = remembered("leftover")
  if path then clean_up(path) end
end

-- A line that stays open: `send(message)` at any time, `send()` now and then to say that we are
-- still here, `fault()` for what ended it, or nil, and `close()`. nil if it does not start.
function lib.open_line()
  local path = new_path()
  local file = io.open(path, "wb")
  if not file then return lib.say("Cannot write to " .. path) end
  if not start(path, path .. ".answer", "--follow ") then
    file:close()
    return clean_up(path)
  end
  local opened_s = reaper.time_precise()
  local line = {}
  function line.send(message)
    file:write(message and line_of(message) or "\n")
    file:flush()
  end
  function line.fault()
    local lines = lines_of(path .. ".answer")
    if not lines then
      return is_late(path, opened_s) and not_started_text(remembered("command")) or nil
    end
    local faults = faults_in(lines)
    return faults ~= "" and faults or "sideman send has ended"
  end
  function line.close()
    file:write("end\n")
    file:close()
    -- `sideman send` reads its end and answers after us: whoever opens or closes the next line
    -- removes both files.
    remove_leftover()
    lib.remember("leftover", path)
  end
  remove_leftover()
  return line
end

-- ---- Clips

-- The names of the clips that `/clip/done` told of.
function lib.finished(lines)
  local names = {}
  for _, line in ipairs(lines) do
    names[#names + 1] = line:match("^/clip/done %d+ (.-) %S+ %S+ %S+$")
  end
  return names
end

-- Put a file on a new track at `position_s`; the edit cursor stays where it is.
function lib.insert(path, position_s)
  local cursor_s = reaper.GetCursorPosition()
  reaper.Undo_BeginBlock()
  reaper.SetEditCurPos(position_s, false, false)
  reaper.InsertMedia(path, INSERT_MODE)
  reaper.SetEditCurPos(cursor_s, false, false)
  reaper.Undo_EndBlock("sideman: insert " .. path:match("[^/\\]+$"), -1)
end

-- Send messages that make a clip, and insert it where the edit cursor was when they were sent.
function lib.send_and_insert(messages)
  local folder = lib.clips_folder()
  if not folder then return end
  local position_s = reaper.GetCursorPosition()
  lib.send(messages, function(lines)
    for _, name in ipairs(lib.finished(lines)) do
      local path = folder .. "/" .. name
      if is_file(path) then
        lib.insert(path, position_s)
      else
        lib.say(name .. " is not in\n" .. folder
          .. "\n\nRun the action sideman_settings to name the clips folder.")
      end
    end
  end)
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

-- The name of the clip in `folder` that was made last, or nil.
function lib.newest_clip(folder)
  reaper.EnumerateFiles(folder, -1) -- forget what REAPER remembers of the folder
  local newest, newest_created
  local index = 0
  local name = reaper.EnumerateFiles(folder, index)
  while name do
    if name:lower():match("%.wav$") then
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

-- ---- Time

-- Quarter notes a minute, and the time signature, at a place in the project.
function lib.tempo_at(position_s)
  local numerator, denominator = reaper.TimeMap_GetTimeSigAtTime(0, position_s)
  -- REAPER counts the signature's own beats here, twice as many in 6/8.
  local bpm = reaper.TimeMap2_GetDividedBpmAtTime(0, position_s) * 4 / denominator
  return bpm, numerator, denominator
end

-- What makes sideman's tempo and time signature those at a place in the project.
function lib.tempo_messages(position_s)
  local bpm, numerator, denominator = lib.tempo_at(position_s)
  return {
    { "/signature", lib.whole(numerator), lib.whole(denominator) },
    { "/tempo", lib.float(bpm) },
  }
end

return lib
