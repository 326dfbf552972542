// SPDX-License-Identifier: Apache-2.0
#include "startz/sealed_beat.h"

#include "wire/frame.h"

namespace startz {

using Purpose = ports::ClusterKey::Purpose;

stdx::Result<stdx::Bytes> seal_beat(ports::ClusterKey& key, const stdx::Bytes& beat) {
  v1::SealedBeat sealed;
  TRY_ASSIGN(*sealed.mutable_mac(), key.mac(Purpose::beat, beat));
  sealed.set_beat(beat);
  return sealed.SerializeAsString();
}

stdx::Result<OpenedBeat> open_beat(ports::ClusterKey& key, const stdx::Bytes& datagram) {
  TRY_ASSIGN(auto sealed, wire::parse<v1::SealedBeat>(datagram));
  // Before anything of it is read.
  TRY(key.check(Purpose::beat, sealed.beat(), sealed.mac()));
  OpenedBeat opened;
  TRY_ASSIGN(opened.beat, wire::parse<v1::Beat>(sealed.beat()));
  opened.bytes = std::move(*sealed.mutable_beat());
  return opened;
}

}  // namespace startz
