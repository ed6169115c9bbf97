// Where the fields of a record batch's header stand, and what the bits of its attributes mean (version 2; KIP-98 and
// docs/formats.md), for those who look at a batch before it is known to be one or change a field in its place. All
// numbers are big endian. Whoever only wants to know what a batch says calls read_batch_header().
#pragma once

#include <cstddef>
#include <cstdint>

namespace headrace::batch_layout {

inline constexpr size_t kBaseOffsetAt = 0;  // int64
inline constexpr size_t kLengthAt = 8;      // int32: how many bytes follow it
inline constexpr size_t kLengthEnd = 12;
inline constexpr size_t kLeaderEpochAt = 12;  // int32
inline constexpr size_t kMagicAt = 16;        // int8; older versions of the format have it in the same place
inline constexpr size_t kCrcAt = 17;          // uint32: of everything from the attributes on
inline constexpr size_t kAttributesAt = 21;   // int16
inline constexpr size_t kLastOffsetDeltaAt = 23;
inline constexpr size_t kBaseTimestampAt = 27;
inline constexpr size_t kMaxTimestampAt = 35;
inline constexpr size_t kProducerIdAt = 43;
inline constexpr size_t kProducerEpochAt = 51;
inline constexpr size_t kBaseSequenceAt = 53;
inline constexpr size_t kRecordsAt = 57;

inline constexpr int8_t kMagic = 2;

inline constexpr int16_t kCompressionMask = 0x07;  // a Compression
inline constexpr int16_t kLogAppendTimeBit = 0x08;
inline constexpr int16_t kTransactionalBit = 0x10;
inline constexpr int16_t kControlBit = 0x20;

}  // namespace headrace::batch_layout
