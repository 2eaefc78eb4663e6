/// engram-genes: finds the genes whose mutation changes what a treatment does.

#include "apps/common/genes/commands.h"
#include "apps/common/main_wrapper.h"

int main(int argc, char** argv) {
  return engram::apps::run_main("engram-genes", [&] { return engram::apps::run_genes(argc, argv); });
}
