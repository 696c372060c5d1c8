-- REAPER's functions as far as the actions use them, for a plain Lua interpreter:
--
--     lua5.4 reaper.lua SCENARIO ACTION
--
-- SCENARIO is a Lua file that sets `scenario`: stored (what REAPER remembers), inputs (answers to
-- its dialogs, in order; nil cancels), resources (its resource folder), names (files of the clips
-- folder), seconds (that its clock goes on at each turn of its timer), starts (false: no program
-- starts), state (a Lua file that is read at each turn: `project`). What an action does is
-- printed, a line for each call.
dofile(arg[1])

local TURN_S = 0.02
local now_s = 0.0
local deferred, at_exit = {}, {}
local guids = 0

project = { cursor_s = 0.0, bpm = 120.0, numerator = 4, denominator = 4, playing = false }
for key, value in pairs(scenario.project or {}) do project[key] = value end

local function say(...)
  local words = { ... }
  for i, word in ipairs(words) do words[i] = tostring(word):gsub("\n", " ") end
  print(table.concat(words, "\t"))
  io.stdout:flush()
end

reaper = {
  GetExtState = function(section, key) return scenario.stored[section .. "/" .. key] or "" end,
  SetExtState = function(section, key, value, keep)
    scenario.stored[section .. "/" .. key] = value
    say("remember", key, value, keep)
  end,
  DeleteExtState = function(section, key, keep)
    scenario.stored[section .. "/" .. key] = nil
    say("forget", key, keep)
  end,
  GetUserInputs = function(title, count, captions, defaults)
    say("ask", captions, defaults)
    local answer = table.remove(scenario.inputs, 1)
    return answer ~= nil, answer or ""
  end,
  MB = function(text) say("say", text) end,
  EnumerateFiles = function(_, index) return scenario.names[index + 1] end,
  GetResourcePath = function() return scenario.resources end,
  RecursiveCreateDirectory = function(path) os.execute('mkdir -p "' .. path .. '"') end,
  GetOS = function() return "Other" end,
  genGuid = function()
    guids = guids + 1
    return "{" .. arg[2]:match("([^/]+)%.lua$") .. guids .. "}"
  end,
  ExecProcess = function(line, timeout_ms)
    assert(timeout_ms < 0, "REAPER would wait for it")
    if scenario.starts == false then return nil end
    for message in io.lines(line:match('%-%-file "([^"]+)"')) do say("message", message) end
    os.execute(line .. " >/dev/null 2>&1 &")
    return "0\n"
  end,
  time_precise = function() return now_s end,
  defer = function(later) deferred[#deferred + 1] = later end,
  atexit = function(last) at_exit[#at_exit + 1] = last end,
  set_action_options = function(flags) say("options", flags) end,
  InsertMedia = function(file, mode) say("insert", file, mode, project.cursor_s); return 1 end,
  GetCursorPosition = function() return project.cursor_s end,
  SetEditCurPos = function(position_s) project.cursor_s = position_s end,
  GetPlayState = function() return project.playing and 1 or 0 end,
  GetPlayPosition2 = function() return project.cursor_s end,
  TimeMap_GetTimeSigAtTime = function()
    return project.numerator, project.denominator, project.bpm
  end,
  TimeMap2_GetDividedBpmAtTime = function() return project.bpm * project.denominator / 4 end,
  TimeMap2_timeToQN = function(_, position_s) return position_s * project.bpm / 60 end,
  Undo_BeginBlock = function() end,
  Undo_EndBlock = function(text) say("undo", text) end,
}

dofile(arg[2])
while #deferred > 0 and not project.ended do
  if scenario.state then dofile(scenario.state) end
  local due = deferred
  deferred = {}
  for _, later in ipairs(due) do later() end
  now_s = now_s + (scenario.seconds or TURN_S)
  os.execute("sleep " .. TURN_S)
end
for _, last in ipairs(at_exit) do last() end
say("cursor", project.cursor_s)
