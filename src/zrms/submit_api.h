// SPDX-License-Identifier: Apache-2.0
#pragma once

// Routes that take a topology: a MEX that holds a whole one, or a stand-alone topology whose MEX
// were stored before (R-DEC-10). Each archive is verified here and kept on this zhost's disk; the
// leader goes on from there (zrms/submitter.h).

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "ports/blob_store.h"
#include "ports/http.h"
#include "ports/package_reader.h"
#include "ports/runtime.h"
#include "rpc/service_bus.h"
#include "zrms/blobs.h"
#include "zrms/explain_api.h"
#include "zrms/leader_routes.h"
#include "zrms/leadership.h"
#include "zrms/submitter.h"

namespace zrms {

class SubmitApi {
 public:
  struct Parts {
    ports::Runtime& runtime;
    rpc::ServiceBus& zmesh;
    ports::PackageReader& packages;
    ports::BlobStore& blob_store;
    Blobs& blobs;
    const Leadership& leadership;
    ExplainApi& explain;
    Submitter& submitter;
  };
  // All outlive it.
  SubmitApi(Parts parts, LeaderRoutes& routes);

 private:
  // Of ?update=NAME&dry_run=1: what is submitted is the next version of that topology.
  struct Asked {
    std::string update;  // the topology's name; empty: no update
    bool dry_run = false;
    // Not submitted at all: where its spaces would go, of one of them or (empty) of all.
    std::optional<std::string> explain;
    std::string by;
  };
  static Asked asked_of(ports::HttpRequest& request);
  using Kept = std::function<void(stdx::Result<std::string> sha256, model::Topology)>;
  void keep_archive(stdx::Bytes archive, Kept done);
  void store_archive(stdx::Bytes archive, ports::HttpReply reply);
  void submit(stdx::Bytes archive, Asked asked, ports::HttpReply reply);
  struct Standalone;
  void submit_standalone(stdx::Bytes json, Asked asked, ports::HttpReply reply);
  void read_next(std::shared_ptr<Standalone> standalone);
  void check_graph(std::shared_ptr<Standalone> standalone);
  void find_archives(std::shared_ptr<Standalone> standalone);
  void open_next(std::shared_ptr<Standalone> standalone);
  void put_together(std::shared_ptr<Standalone> standalone);
  void submit_topology(v1::SubmitRequest request, model::Topology topology, const Asked& asked,
                       const ports::HttpReply& reply);
  void submit_spec(v1::SubmitRequest request, ports::HttpReply reply);
  // In a task of its own; not where this object is gone by then.
  void later(std::function<void()> what);

  Parts parts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace zrms
