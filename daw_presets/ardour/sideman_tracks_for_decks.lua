ardour {
  ["type"] = "EditorAction",
  name = "sideman: a track for each deck",
  license = "MIT",
  author = "sideman",
  description = [[
Add a stereo track for each of sideman's decks and connect it (sideman serve --output jack). Tracks
that are there already are kept, and connected again.]]
}

function factory ()
  -- As `sideman serve --output jack` names them.
  local CLIENT = "sideman-decks"
  local PORT = "^sideman%-decks:deck_(%d+)_(%a+)$"
  local INPUT = { left = 0, right = 1 }

  local function say (text)
    LuaDialog.Message (
      "sideman", text, LuaDialog.MessageType.Info, LuaDialog.ButtonType.Close):run ()
  end

  local function track_of (deck)
    local name = "sideman deck " .. deck
    local track = Session:route_by_name (name)
    if not track:isnil () then return track end
    -- Not connected by itself, which would be to the sound card's inputs; behind all other tracks.
    local tracks = Session:new_audio_track (
      2, 2, nil, 1, name, ARDOUR.PresentationInfo.max_order, ARDOUR.TrackMode.Normal, false, false)
    return tracks:front ()
  end

  return function ()
    local _, answer = Session:engine ():get_backend_ports (
      CLIENT .. ":deck_", ARDOUR.DataType.audio (), ARDOUR.PortFlags.IsOutput, C.StringVector ())
    local connected = 0
    for port in answer[4]:iter () do
      local deck, side = port:match (PORT)
      if deck and INPUT[side] then
        track_of (deck):input ():audio (INPUT[side]):connect (port)
        connected = connected + 1
      end
    end
    if connected == 0 then
      say ("JACK has no ports of sideman's decks. Start it with: sideman serve --output jack")
    end
  end
end
