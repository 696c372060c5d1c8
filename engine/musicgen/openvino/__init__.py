"""MusicGen in 8 or 4 bits on a CPU, through OpenVINO: as quick as a laptop needs it.

`runtime` OpenVINO itself          | `matrices` weights in few bits, `store` a file of them
`conversion` a checkpoint so kept  | `graph` what the networks below are put together from
`text` prompts to keys and values  | `decoder` a step, `pool` its past, `backend` both for streams
`codec` codes to samples           | `codec_network` what it has for that

The torch modules beside this package are the reference: the same networks, from the same weights.
"""
