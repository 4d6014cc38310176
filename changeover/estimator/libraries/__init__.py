"""Models and transformers of other libraries than scikit-learn: one small file for each library.

`find.py` picks the file by the library of an object's class. A file, and so its library, is imported only for an object
of that library.
"""
