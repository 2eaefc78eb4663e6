/// engram-genes: finds the genes whose mutation changes what a treatment does.

#include "apps/common/main_wrapper.h"
#include "apps/genes/commands.h"

int main(int argc, char** argv) {
  return engram::apps::run_main("engram-genes", [&] { return engram::apps::run_genes(argc, argv); });
}
