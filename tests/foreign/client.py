"""A client generated from the contract by grpcio-tools: signs in, lists users.

Arguments: the gateway's address, the short name of a tenant, a username, a
password. Reads the contract from usher.binpb (a descriptor set) in the working
directory, as `cargo run -p usher-contract --example image` prints it.
"""

import importlib
import pathlib
import sys

import grpc
from google.protobuf import descriptor_pb2
from grpc_tools import protoc


def generate(image: str, out: str) -> None:
    """Generates modules for every file of the contract that no package has."""
    files = descriptor_pb2.FileDescriptorSet.FromString(pathlib.Path(image).read_bytes()).file
    names = [file.name for file in files if not file.name.startswith("google/protobuf/")]
    args = ["protoc", f"--descriptor_set_in={image}", f"--python_out={out}", f"--grpc_python_out={out}", *names]
    if protoc.main(args) != 0:
        sys.exit("the contract cannot be turned into Python")


def main() -> None:
    address, tenant, username, password = sys.argv[1:]
    out = pathlib.Path("generated")
    out.mkdir(exist_ok=True)
    generate("usher.binpb", str(out))
    sys.path.insert(0, str(out))
    login = importlib.import_module("usher.identity.v1.login_service_pb2")
    login_grpc = importlib.import_module("usher.identity.v1.login_service_pb2_grpc")
    user = importlib.import_module("usher.identity.v1.user_service_pb2")
    user_grpc = importlib.import_module("usher.identity.v1.user_service_pb2_grpc")

    with grpc.insecure_channel(address) as channel:
        reply = login_grpc.LoginServiceStub(channel).Login(
            login.LoginRequest(tenant=tenant, username=username, password=password), timeout=20
        )
        credential = (("authorization", f"Bearer {reply.session.session_token}"),)
        users = user_grpc.UserServiceStub(channel).ListUsers(
            user.ListUsersRequest(page_size=100), metadata=credential, timeout=20
        )
    for one in users.users:
        print(one.email, one.last_name, one.first_name)


if __name__ == "__main__":
    main()
