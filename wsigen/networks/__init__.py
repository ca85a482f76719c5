"""The network F of Eq. 6: a U-Net and the encodings of its two conditions; and networks that know photographs."""
