-- @description sideman: send prompt
--
-- Asks for a deck and a prompt, and sends it. What the deck plays changes at once, or morphs over
-- as many beats as /deck/N/morph says.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local lib = dofile(here .. "sideman_lib.lua")

local deck = lib.recall("deck", "1")
local ok, answer = reaper.GetUserInputs(
  "sideman: send prompt", 2, "Deck,Prompt,extrawidth=300", deck .. ",")
if not ok then return end

-- The prompt is the last field, so that its own commas do no harm.
local number, prompt = answer:match("^%s*(%d+)%s*,%s*(.-)%s*$")
if not number or prompt == "" then return lib.say("A deck's number and a prompt are needed.") end

lib.remember("deck", number)
lib.send({ { "/deck/" .. number .. "/prompt", lib.text(prompt) } })
