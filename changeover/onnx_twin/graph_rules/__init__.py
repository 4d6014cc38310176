"""The rules of ONNX graphs: the encoding, the operators, the shape and size of each value, the trees."""
