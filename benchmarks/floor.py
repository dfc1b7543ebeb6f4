"""The floor: decode each line with msgspec and do nothing with it. `python floor.py < lines`."""

import sys

import msgspec

if __name__ == "__main__":
    decode = msgspec.json.Decoder().decode
    for line in sys.stdin.buffer:
        decode(line)
