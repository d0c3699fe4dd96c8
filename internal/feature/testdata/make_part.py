"""Makes a part of the feature cache with PyArrow, for TestForeignPart: 3 rows of 4 features.

Run with pyarrow installed, in this folder; it replaces *.parquet. The hash of row i is 32 bytes of i; its
features are the float32 of the bits 0x3f800000 + 7*i + j, and a signalling NaN, a subnormal and -0 in row 2.
"""
import glob, hashlib, io, os
import numpy as np, pyarrow as pa, pyarrow.parquet as pq

bits = np.array([[0x3F800000 + 7 * i + j for j in range(4)] for i in range(3)], np.uint32)
bits[2, 1:] = 0x7F800001, 0x00000001, 0x80000000
schema = pa.schema(
    [
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("embedding", pa.list_(pa.field("element", pa.float32(), nullable=False)), nullable=False),
    ],
    metadata={"graft.fingerprint": "made by pyarrow"},
)
table = pa.table([[f"{i:02x}" * 32 for i in range(3)], list(bits.view(np.float32))], schema=schema)
out = io.BytesIO()
pq.write_table(table, out, compression="none", use_dictionary=False)
for old in glob.glob("*.parquet"):
    os.remove(old)
with open(hashlib.sha256(out.getvalue()).hexdigest() + ".parquet", "wb") as f:
    f.write(out.getvalue())
