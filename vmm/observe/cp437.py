"""Code page 437, the character set of a PC's text screen: the picture behind each of the 256 codes, in Unicode.

Not the codec of that name, which takes codes below 0x20 for control characters: a screen has a picture for each.
0, 0x20 and 0xff are blank. Source: IBM PC technical reference, appendix C; Unicode's IBMGRAPH and CP437 tables.
"""

from __future__ import annotations

_LOW = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼"
_ASCII = "".join(map(chr, range(0x20, 0x7F))) + "⌂"
_HIGH = (
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ"
    "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐"
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀"
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ "
)

CHARACTERS = _LOW + _ASCII + _HIGH
"""The 256 pictures, by code."""

CODES = {character: code for code, character in enumerate(CHARACTERS) if character != " "} | {" ": 0x20}
"""The code of each picture."""


def to_text(codes: bytes) -> str:
    """What a row of codes shows."""
    return codes.decode("latin-1").translate(_TABLE)


_TABLE = dict(enumerate(CHARACTERS))
