-- @description sideman: import newest clip
--
-- Puts sideman's newest finished clip on a new track, at the edit cursor and at the project's tempo.
-- Needs nothing but the clips folder. Unfinished files (.part) and recordings of the master are
-- passed over. Which clip is the newest is read from the files themselves, as ReaScript has no way
-- to ask for a file's date.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local lib = dofile(here .. "sideman_lib.lua")

local folder = lib.clips_folder()
if not folder then return end

local name = lib.newest_clip(folder)
if not name then
  lib.forget_folder()
  return lib.say(
    "No finished clip of sideman's in\n" .. folder ..
    "\n\nRender one first (/clip/render), or run this again to choose another folder.")
end
lib.insert(folder .. "/" .. name, reaper.GetCursorPosition())
