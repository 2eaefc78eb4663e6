# emu_add_kernels(NAME [INSTRUMENTED] SOURCES file.cu ... [LIBRARIES target ...]): an object library of CUDA sources compiled by the
# host's C++ compiler. INSTRUMENTED: with the thread sanitizer's instrumentation, for the checker and the counters; the program that
# links it must not be linked with -fsanitize=thread, but with emu_checker.
# Each source is compiled through a generated file that includes it: one .cu file can then serve nvcc and several such libraries.
function(emu_add_kernels name)
  cmake_parse_arguments(ARG "INSTRUMENTED" "" "SOURCES;LIBRARIES" ${ARGN})
  set(wrappers "")
  foreach(source ${ARG_SOURCES})
    get_filename_component(path ${source} ABSOLUTE)
    get_filename_component(stem ${source} NAME_WE)
    set(wrapper ${CMAKE_CURRENT_BINARY_DIR}/${name}/${stem}.cpp)
    file(CONFIGURE OUTPUT ${wrapper} CONTENT "#include \"${path}\"\n" @ONLY)
    list(APPEND wrappers ${wrapper})
  endforeach()
  add_library(${name} OBJECT ${wrappers})
  set_target_properties(${name} PROPERTIES UNITY_BUILD OFF)  # a CUDA source owns the whole of its file
  target_link_libraries(${name} PUBLIC emu::engine ${ARG_LIBRARIES})
  # Pragmas of nvcc are unknown to the host compiler; std::memcpy to a vector type is usual in CUDA, and right here too.
  target_compile_options(${name} PRIVATE -Wno-unknown-pragmas $<$<CXX_COMPILER_ID:GNU>:-Wno-class-memaccess>)
  if(ARG_INSTRUMENTED)
    # Line numbers for the reports (addr2line of binutils 2.40 takes the wrong file from DWARF 5). At -O1 neither compiler
    # duplicates code by lane, so that one source access is one program point.
    target_compile_options(${name} PRIVATE -fno-sanitize=all -fsanitize=thread -O1 -g1 -gdwarf-4)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      target_compile_options(${name} PRIVATE --param=tsan-instrument-func-entry-exit=0)
    else()
      # Clang leaves out a read that a write to the same address follows; initcheck and the counters need it.
      target_compile_options(${name} PRIVATE "SHELL:-mllvm -tsan-instrument-func-entry-exit=0"
                                             "SHELL:-mllvm -tsan-instrument-read-before-write=1")
    endif()
  endif()
endfunction()
