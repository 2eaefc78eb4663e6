# ENGRAM_SANITIZE: comma-separated sanitizers of the libraries and programs, for example "address,undefined". Any finding ends the program.
set(ENGRAM_SANITIZE "" CACHE STRING "Sanitizers of GCC and Clang (address, undefined, leak), comma-separated; empty for none")
if(ENGRAM_SANITIZE)
  # Checks of each access for null cost a third of the compile time and find what the processor finds as well; those of alignment
  # cost as much, and only kernels and engine read memory through pointers of other types (sanitize_alignment).
  add_compile_options(-fsanitize=${ENGRAM_SANITIZE} -fno-sanitize=vptr,null,alignment -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  # GCC takes instrumented values for uninitialised ones (its manual advises against -Werror here); the release build warns.
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-maybe-uninitialized>)
  add_link_options(-fsanitize=${ENGRAM_SANITIZE})
endif()

# Checks the alignment of what a target's code reads and writes, where undefined behaviour is checked at all.
function(sanitize_alignment target)
  if(ENGRAM_SANITIZE MATCHES "undefined")
    target_compile_options(${target} PRIVATE -fsanitize=alignment)
  endif()
endfunction()
