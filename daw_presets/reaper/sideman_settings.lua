-- @description sideman: settings
--
-- Asks for the command, the server and the clips folder, which the other actions ask for when they
-- first need them.

local here = debug.getinfo(1, "S").source:match("^@(.*[/\\])") or ""
local lib = dofile(here .. "sideman_lib.lua")

if lib.ask_for_command() then lib.ask_for_folder() end
