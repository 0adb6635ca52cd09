"""One way to open a model with ONNX Runtime on the CPU."""

from pathlib import Path
from typing import Any

import onnxruntime


def open_session(model: Path | bytes, n_threads: int) -> Any:
    """Open a model whose digest was checked.

    Args:
        model: The file, or what is in it.
        n_threads: Threads of one call.
    """
    runtime: Any = onnxruntime  # its stubs do not export what it exports
    options = runtime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = n_threads, 1
    options.log_severity_level = 3
    source = str(model) if isinstance(model, Path) else model
    return runtime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
