"""Pure tensor functions on keras.ops: no layers, no Config, no files."""
