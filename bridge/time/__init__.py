"""Musical time. Integer output samples are the truth; beats are derived from anchors and floats
are never accumulated. A beat is a quarter note."""
