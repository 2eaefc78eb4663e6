#include "apps/analyze/picture_output.h"

#include <ostream>

#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

/// The name, if it is one, in a folder without what killed writers left.
std::filesystem::path prepared(const std::filesystem::path& out) {
  if (out.extension() != ".png" || out.stem().empty())
    throw UsageError(message("--out: expected a name that ends in .png, got '", out.string(), "'"));
  io::remove_leftovers(out.has_parent_path() ? out.parent_path() : ".");
  return out;
}

std::filesystem::path table_beside(std::filesystem::path out) {
  return out.replace_extension(".csv");
}

}  // namespace

void add_picture_option(Cli& cli, std::filesystem::path& out) {
  cli.group("Output");
  cli.option("out", &out, "Picture to write, a name that ends in .png; the numbers go to the same name with .csv")
      .only_on_command_line()
      .output()
      .required();
}

PictureOutput::PictureOutput(const std::filesystem::path& out, const std::vector<std::string>& columns)
    : picture_path_(prepared(out)),
      table_path_(table_beside(out)),
      picture_(picture_path_),
      table_(table_path_, columns) {}

void PictureOutput::commit(const Call& call, const io::Image& picture) {
  picture_.write(io::encode_png(picture));
  table_.commit();
  picture_.commit();
  *call.out << "wrote " << picture_path_.string() << " (" << picture.width << "x" << picture.height << ") and "
            << table_path_.string() << "\n";
}

}  // namespace engram::apps
