# Writes HEADER with the commit of SOURCE, if it says something else.
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE commit
                OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit unknown)
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#pragma once\n/// The commit of this build.\nnamespace engram::bench {\ninline constexpr const char* kBuildCommit = \"@commit@\";\n}\n" @ONLY)
