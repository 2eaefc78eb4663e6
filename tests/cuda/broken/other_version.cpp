/// A plug-in of a later release.

#include "kernels/plugin/plugin.h"

extern "C" const engram::kernels::Plugin* engram_plugin() {
  static const engram::kernels::Plugin plugin = {engram::kernels::kPluginVersion + 1, 0, "cuda", nullptr, nullptr};
  return &plugin;
}
