# ENGRAM_SANITIZE: comma-separated sanitizers of the libraries and programs, for example "address,undefined". Any finding ends the program.
set(ENGRAM_SANITIZE "" CACHE STRING "Sanitizers of GCC and Clang (address, undefined, leak), comma-separated; empty for none")
if(ENGRAM_SANITIZE)
  # Checks of each access for null cost a third of the compile time and find what the processor finds as well.
  add_compile_options(-fsanitize=${ENGRAM_SANITIZE} -fno-sanitize=vptr,null -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${ENGRAM_SANITIZE})
endif()
