"""Makes tablecast-sans.otf.lzma, the font of the pictures that chats show for a link.

    npm pack pretendard@1.3.9 && tar xzf pretendard-1.3.9.tgz
    pip install fonttools==4.68.0
    python3 make.py package/dist/public/static/Pretendard-Bold.otf

It keeps all Hangul syllables and jamo, Latin, Greek, Cyrillic, kana and signs, and nothing that shapes text, since the
server only puts glyphs side by side. The licence reserves the name "Pretendard" for the original, so this has another.

LZMA finds what glyphs have in common better than subroutines do, so these are resolved: the file is an eighth smaller.
"""

import io
import lzma
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

NAME = "Tablecast Sans"
RANGES = [
    (0x20, 0x52F),  # Latin, Greek, Cyrillic
    (0x1E00, 0x1EFF),  # more Latin
    (0x2000, 0x22FF),  # punctuation, currencies, arrows, signs
    (0x2460, 0x26FF),  # numbers in circles, shapes
    (0x3000, 0x30FF),  # kana and its punctuation
    (0x3130, 0x318F),  # jamo
    (0xAC00, 0xD7A3),  # Hangul
    (0xFF01, 0xFF5E),  # wide forms
]

font = TTFont(sys.argv[1])
options = subset.Options()
options.layout_features = []
options.drop_tables += ["GSUB", "GPOS", "GDEF"]
options.hinting = False
options.desubroutinize = True
options.name_IDs = [0, 13, 14]
subsetter = subset.Subsetter(options)
subsetter.populate(unicodes=[c for first, last in RANGES for c in range(first, last + 1)])
subsetter.subset(font)
for number, text in ((1, NAME), (2, "Bold"), (3, f"{NAME} Bold"), (4, f"{NAME} Bold"), (6, "TablecastSans-Bold")):
    font["name"].setName(text, number, 3, 1, 0x409)
cff = font["CFF "].cff
cff.fontNames[0] = "TablecastSans-Bold"
top = cff.topDictIndex[0]
top.FullName, top.FamilyName = f"{NAME} Bold", NAME
for part in getattr(top, "FDArray", []):
    part.FontName = "TablecastSans-Bold"
font["head"].modified = font["head"].created
font.recalcTimestamp = False
plain = io.BytesIO()
font.save(plain)
# As large as the font: what repeats is found wherever it is. Bytes of outlines are not aligned to any number of them.
model = {"id": lzma.FILTER_LZMA1, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 21, "lc": 4, "pb": 0}
packed = lzma.compress(plain.getvalue(), lzma.FORMAT_ALONE, filters=[model])
(Path(__file__).parent / "tablecast-sans.otf.lzma").write_bytes(packed)
