/// Stands for cuDNN: built, but not where the loader looks.
extern "C" int library_function() {
  return 1;
}
