"""MusicGen's codec, EnCodec at 32 kHz, as a stream: codes in, samples out, one frame at a time.

`served` which codecs and rates  |  `layers`, `seanet` its networks, with their state apart
`quantizer` codes and vectors  |  `weights` from a checkpoint  |  `resample` to any rate
`decoder` codes to audio       |  `encoder` audio to codes

The codec's convolutions look ahead, so audio comes a few frames after its codes
(`AudioDecoder.lookahead_frames`). Every state is a value: keep one, and you can go back to it.
"""
