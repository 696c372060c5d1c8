-- @description sideman: follow transport
--
-- While it runs, REAPER's play, stop and tempo are sideman's. Run it again to end it; as a toolbar
-- button it is lit meanwhile. Not needed where REAPER speaks OSC to sideman (see README.md).

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local lib = dofile(here .. "sideman_lib.lua")

local line = lib.open_line()
if not line then return end

-- 1: run again, it ends without a question; 4 and 8: its button is lit, and no longer (REAPER 7)
local function options(flags)
  if reaper.set_action_options then reaper.set_action_options(flags) end
end

-- A line that says nothing for 10 s is taken for that of a REAPER that is gone.
local STILL_HERE_S = 1

local told = {}
local told_s = reaper.time_precise()

local function tell(message)
  line.send(message)
  told_s = reaper.time_precise()
end

local function tell_tempo(position_s)
  for _, message in ipairs(lib.tempo_messages(position_s)) do
    local text = table.concat(message, " ")
    if told[message[1]] ~= text then
      told[message[1]] = text
      tell(message)
    end
  end
end

local function is_playing()
  local state = reaper.GetPlayState() -- 1: plays, 2: paused, 4: records
  return state & 1 == 1 and state & 2 == 0
end

local playing = false
local function follow()
  local fault = line.fault()
  if fault then return lib.say(fault) end
  local plays = is_playing()
  local position_s = plays and reaper.GetPlayPosition2() or reaper.GetCursorPosition()
  tell_tempo(position_s)
  if plays ~= playing then
    playing = plays
    if plays then
      local beats = math.max(0, reaper.TimeMap2_timeToQN(0, position_s))
      tell({ "/position", lib.float(beats) })
    end
    tell({ plays and "/play" or "/stop" })
  end
  if reaper.time_precise() - told_s > STILL_HERE_S then tell() end
  reaper.defer(follow)
end

options(1 + 4)
reaper.atexit(function()
  options(8)
  line.close()
end)
follow()
