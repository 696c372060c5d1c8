"""The whole step of the decoder, from codes to codes, as a CUDA graph.

A step of MusicGen is some hundred small kernels, and telling a GPU of each takes Python longer than
the GPU takes to run it. So the step of a batch is recorded once and replayed.

`slabs` where the past of streams lies, so that a graph finds it | `lanes` which rows a step has
`step` the step over memory that stays where it is                | `texts` what its rows listen to
`recorder` the recording itself                                   | `backend` which graph when
`codec` a frame of the codec, likewise                            | `parts` whether to do all this
"""
