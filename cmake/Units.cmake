# Unity builds: the sources of one folder are compiled together, so that headers are read and templates are made once for all of them.
# CMAKE_UNITY_BUILD (the presets of the sanitizers): everywhere. ENGRAM_APP_UNITS (on, but for daily work): in apps. ENGRAM_TEST_UNITS:
# in tests, kernel_cases and bench. Sources with compile options of their own stay alone.
# tests/lint/check_units.py holds that no two sources of a folder define the same private name.
option(ENGRAM_TEST_UNITS "Compile the sources of a folder of tests or benchmarks together" OFF)
set(ENGRAM_UNIT_SOURCES 12)

# Turns unity builds on in the caller's folder and those below it.
macro(compile_units)
  set(CMAKE_UNITY_BUILD ON)
  # What a source of a unit keeps in an unnamed namespace is as private as in a unit of its own.
  add_compile_options($<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-subobject-linkage>)
endmacro()
if(CMAKE_UNITY_BUILD)
  compile_units()
endif()

# units_by_folder(TARGET): units of equal length, of at most ENGRAM_UNIT_SOURCES sources of a folder.
function(units_by_folder target)
  if(NOT CMAKE_UNITY_BUILD)
    return()
  endif()
  get_target_property(sources ${target} SOURCES)
  list(FILTER sources EXCLUDE REGEX "^\\$<")
  set(folders "")
  foreach(source IN LISTS sources)
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${PROJECT_SOURCE_DIR})
    cmake_path(GET source PARENT_PATH folder)
    string(MAKE_C_IDENTIFIER "${folder}" folder)
    list(APPEND folders ${folder})
    list(APPEND sources_${folder} ${PROJECT_SOURCE_DIR}/${source})
  endforeach()
  list(REMOVE_DUPLICATES folders)
  foreach(folder IN LISTS folders)
    list(LENGTH sources_${folder} count)
    math(EXPR units "(${count} + ${ENGRAM_UNIT_SOURCES} - 1) / ${ENGRAM_UNIT_SOURCES}")
    set(index 0)
    foreach(source IN LISTS sources_${folder})
      math(EXPR unit "${index} * ${units} / ${count}")
      set_source_files_properties(${source} PROPERTIES UNITY_GROUP ${folder}_${unit})
      math(EXPR index "${index} + 1")
    endforeach()
  endforeach()
  set_target_properties(${target} PROPERTIES UNITY_BUILD_MODE GROUP)
endfunction()
