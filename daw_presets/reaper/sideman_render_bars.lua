-- @description sideman: render bars
--
-- Asks for bars and a prompt, and renders a loop at the tempo and in the time signature of the edit
-- cursor. When it is done, it is put on a new track where the cursor was. REAPER goes on meanwhile.
-- sideman's own tempo becomes that one, too: a server has one tempo.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local lib = dofile(here .. "sideman_lib.lua")

local ok, answer = reaper.GetUserInputs(
  "sideman: render bars", 2, "Bars,Prompt,extrawidth=300", lib.recall("bars", "4") .. ",")
if not ok then return end

local bars, prompt = answer:match("^%s*(%d+)%s*,%s*(.-)%s*$")
if not bars or prompt == "" then return lib.say("A number of bars and a prompt are needed.") end
lib.remember("bars", bars)

local messages = lib.tempo_messages(reaper.GetCursorPosition())
messages[#messages + 1] = { "/clip/render", lib.text(prompt), lib.whole(bars) }
lib.send_and_insert(messages)
