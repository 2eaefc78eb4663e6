#pragma once
/// The error classes of engram. Messages read `[op] expected ..., got ...`, then a hint where one helps.
/// Nothing in engram aborts on bad input; executables turn these into one line and an exit code.

#include <sstream>
#include <stdexcept>
#include <string>

namespace engram {

/// Base of all errors that engram throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Extents that do not fit an operation.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// An element type that an operation does not take.
class DTypeError : public Error {
 public:
  using Error::Error;
};

/// A device that is missing, or tensors on different devices.
class DeviceError : public Error {
 public:
  using Error::Error;
};

/// An allocation that the system or a stated limit refused.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// Content of a file or data set that is not what its format says. Exit code 3.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be opened, read or written. Exit code 3.
class IoError : public Error {
 public:
  using Error::Error;
};

/// A misuse of an interface that no other class names (an option, an argument out of range). Exit code 2.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Concatenates the arguments with `operator<<` into a message.
template <class... Parts>
std::string message(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

}  // namespace engram
