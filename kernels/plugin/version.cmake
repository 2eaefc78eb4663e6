# Run at build time, when a header of the plug-in's interface has changed: cmake -DHEADERS=... -DOUTPUT=... -P version.cmake writes a
# source file with the hash of their contents.
string(REPLACE "," ";" headers "${HEADERS}")
set(contents "")
foreach(header ${headers})
  file(SHA256 ${header} hash)
  string(APPEND contents ${hash})
endforeach()
string(SHA256 all "${contents}")
string(SUBSTRING ${all} 0 8 version)
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#include \"kernels/plugin/plugin.h\"

namespace engram::kernels {

const std::uint32_t kPluginVersion = 0x${version};

}  // namespace engram::kernels
")
