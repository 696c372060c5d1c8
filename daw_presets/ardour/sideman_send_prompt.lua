ardour {
  ["type"] = "EditorAction",
  name = "sideman: send prompt",
  license = "MIT",
  author = "sideman",
  description = [[Ask for a prompt and send it to one of sideman's decks.]]
}

function action_params ()
  return { ["server"] = { title = "sideman's OSC port", default = "127.0.0.1:9740" } }
end

function factory (params)
  -- What was sent last stands in the dialog, to be changed a little.
  local last = { prompt = "", deck = 1, play = true }

  return function ()
    local answers = LuaDialog.Dialog ("sideman", {
      { type = "entry", key = "prompt", title = "Prompt", default = last.prompt },
      { type = "number", key = "deck", title = "Deck", min = 1, max = 8, step = 1, digits = 0,
        default = last.deck },
      { type = "checkbox", key = "play", title = "Start the deck", default = last.play },
    }):run ()
    if not answers or answers["prompt"] == "" then return end
    last = answers
    local deck = string.format ("/deck/%d/", math.floor (answers["deck"]))
    local server = ARDOUR.LuaOSC.Address ("osc.udp://" .. params["server"])
    server:send (deck .. "prompt", "s", answers["prompt"])
    if answers["play"] then server:send (deck .. "play", "") end
  end
end
