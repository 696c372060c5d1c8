ardour {
  ["type"] = "EditorHook",
  name = "sideman: follow Ardour's tempo and playhead",
  license = "MIT",
  author = "sideman",
  description = [[
Send the tempo at the playhead to sideman whenever it changes, and the place of the playhead while
Ardour stands. Ardour's OSC tells neither.]]
}

function action_params ()
  return { ["server"] = { title = "sideman's OSC port", default = "127.0.0.1:9740" } }
end

function signals ()
  return LuaSignal.Set ():add ({ [LuaSignal.LuaTimerDS] = true })
end

function factory (params)
  -- A server that is started later must hear the tempo too: it is told again after so many calls.
  local AGAIN_CALLS = 20

  local server
  local calls = 0
  local told_bpm, told_sample, last_sample

  local function beats_at (map, place)
    local beats, ticks = tostring (map:quarters_at (place)):match ("^(%d+):(%d+)$")
    return beats and tonumber (beats) + tonumber (ticks) / Temporal.ticks_per_beat
  end

  -- Ten times a second.
  return function ()
    server = server or ARDOUR.LuaOSC.Address ("osc.udp://" .. params["server"])
    local sample = Session:transport_sample ()
    local place = Temporal.timepos_t (sample)
    local map = Temporal.TempoMap.read ()
    local bpm = map:quarters_per_minute_at (place)
    local beats = beats_at (map, place)
    map = nil -- Ardour keeps a map for as long as a script holds it
    calls = (calls + 1) % AGAIN_CALLS
    if bpm ~= told_bpm or calls == 0 then server:send ("/tempo", "f", bpm) end
    -- While Ardour plays, sideman's transport goes on by itself.
    local stands = sample == last_sample and Session:transport_stopped ()
    if stands and sample ~= told_sample and beats then
      server:send ("/position", "f", beats)
      told_sample = sample
    end
    told_bpm, last_sample = bpm, sample
  end
end
