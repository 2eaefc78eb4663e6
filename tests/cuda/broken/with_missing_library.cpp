/// A plug-in that needs a library which is not installed.
extern "C" int library_function();
extern "C" int uses_it() {
  return library_function();
}
