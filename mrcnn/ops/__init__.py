"""Pure tensor functions on keras.ops. They use no layers, no Config and no files."""
