-- @description sideman: capture bars
--
-- Asks for a deck (0: the master) and bars, and makes a clip of the last whole bars that it played.
-- It is put on a new track where the edit cursor was.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local lib = dofile(here .. "sideman_lib.lua")

local ok, answer = reaper.GetUserInputs(
  "sideman: capture bars", 2, "Deck (0: master),Bars",
  lib.recall("deck", "1") .. "," .. lib.recall("bars", "4"))
if not ok then return end

local deck, bars = answer:match("^%s*(%d+)%s*,%s*(%d+)%s*$")
if not deck then return lib.say("A deck's number (0: the master) and a number of bars are needed.") end
lib.remember("bars", bars)

local from = tonumber(deck) == 0 and "/master" or "/deck/" .. deck
lib.send_and_insert({ { from .. "/capture", lib.whole(bars) } })
