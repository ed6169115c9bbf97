// Why a registry refuses: an Error that also has the number by which Confluent's clients know the reason. The number's
// first three digits are the HTTP status.
#pragma once

#include <string>
#include <utility>

#include "base/error.h"

namespace headrace {

enum class RegistryCode : int {
  kNoSubject = 40401,
  kNoVersion = 40402,
  kNoSchema = 40403,
  kSubjectSoftDeleted = 40404,
  kSubjectNotSoftDeleted = 40405,
  kVersionSoftDeleted = 40406,
  kVersionNotSoftDeleted = 40407,
  kNoSubjectLevel = 40408,
  kNoSubjectMode = 40409,
  kIncompatible = 40901,
  kInvalidRequest = 422,
  kInvalidSchema = 42201,
  kInvalidVersion = 42202,
  kInvalidLevel = 42203,
  kInvalidMode = 42204,
  kNotPermitted = 42205,
  kReferenced = 42206,
  kInvalidSubject = 42208,
  kStore = 50001,
  kTimeout = 50002,
};

class RegistryError : public Error {
 public:
  RegistryError(RegistryCode code, std::string message)
      : Error(code_of(code), std::move(message)), registry_code_(code) {}

  RegistryCode registry_code() const { return registry_code_; }

 private:
  static Code code_of(RegistryCode code) {
    const int number = static_cast<int>(code);
    switch (number < 1000 ? number : number / 100) {
      case 404: return Code::kNotFound;
      case 409: return Code::kConflict;
      case 422:
        return code == RegistryCode::kNotPermitted || code == RegistryCode::kReferenced ? Code::kRefused
                                                                                        : Code::kInvalid;
      default: return code == RegistryCode::kTimeout ? Code::kTimeout : Code::kIo;
    }
  }

  RegistryCode registry_code_;
};

}  // namespace headrace
