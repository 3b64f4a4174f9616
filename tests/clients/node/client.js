// A Node client of Patron, made from proto/ by protoc: reads a service's features and vectors of some customers and
// prints them as one line of JSON. Usage: node client.js STUBS ADDRESS SERVICE AS_OF_US TYPE:VALUE...
"use strict";

const path = require("path");
const grpc = require("@grpc/grpc-js");

const [stubs, address, service, asOfUs, ...names] = process.argv.slice(2);
const { FeaturesClient } = require(path.join(stubs, "patron/v1/features.grpc-client.js"));
const { GetFeaturesRequest, GetVectorsRequest } = require(path.join(stubs, "patron/v1/features.js"));
const { ValueType, ValueStatus } = require(path.join(stubs, "patron/v1/types.js"));

function columnValues(column) {
  const values = {
    [ValueType.DOUBLE]: column.doubles,
    [ValueType.MONEY]: column.doubles,
    [ValueType.INT64]: column.integers.map(Number),
    [ValueType.BOOL]: column.flags,
    [ValueType.STRING]: column.texts,
  }[column.type];
  return values.map((value, row) => (column.statuses[row] === ValueStatus.PRESENT ? value : null));
}

function vectorRows(reply) {
  const matrix = new DataView(reply.matrix.buffer, reply.matrix.byteOffset, reply.matrix.byteLength);
  return Array.from({ length: reply.rows }, (_, row) =>
    Array.from({ length: reply.columns }, (_, column) => {
      const bit = row * reply.columns + column;
      const valid = (reply.validity[bit >> 3] >> (bit & 7)) & 1;
      return valid ? matrix.getFloat64(bit * 8, true) : null;
    }));
}

function call(client, method, request) {
  const deadline = Date.now() + 30000;
  return new Promise((resolve, reject) => {
    const done = (error, reply) => (error ? reject(error) : resolve(reply));
    client[method](request, new grpc.Metadata(), { deadline }, done);
  });
}

async function main() {
  const client = new FeaturesClient(address, grpc.credentials.createInsecure());
  const identifiers = names.map((name) => {
    const colon = name.indexOf(":");
    return { type: name.slice(0, colon), value: name.slice(colon + 1) };
  });
  const question = { service, identifiers, at: { oneofKind: "asOfUs", asOfUs: BigInt(asOfUs) } };
  const columns = await call(client, "getFeatures", GetFeaturesRequest.create(question));
  const vectors = await call(client, "getVectors", GetVectorsRequest.create(question));
  client.close();
  console.log(JSON.stringify({
    asOfUs: columns.info.asOfUs.toString(),
    customers: columns.info.customerIds.map(Number),
    columns: Object.fromEntries(columns.columns.map((column) => [column.name, columnValues(column)])),
    names: vectors.names,
    vectors: vectorRows(vectors),
  }));
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
