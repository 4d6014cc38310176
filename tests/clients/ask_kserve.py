"""The calls of kserve's `InferenceRESTClient`, for the environment `kserve`."""

import asyncio
from collections.abc import Awaitable, Callable

import numpy as np
from calls import LABELS, R1, R2, Calls, expect, report
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

TYPES = {"age": "INT64", "income": "FP64", "plan": "BYTES", "member": "BOOL"}
One = Callable[[InferenceRESTClient, str], Awaitable[None]]


def call(ask: One, protocol: str = "v2") -> Callable[[str], None]:
    async def go(url: str) -> None:
        client = InferenceRESTClient(RESTConfig(protocol=protocol))
        try:
            await ask(client, url)
        finally:
            await client.close()

    return lambda url: asyncio.run(go(url))


def request(**raw: np.ndarray) -> InferRequest:
    tensors = []
    for name, datatype in TYPES.items():
        if name in raw:
            tensors.append(InferInput(name, [2], datatype))
            tensors[-1].set_data_from_numpy(raw[name], binary_data=True)
        else:
            tensors.append(InferInput(name, [2], datatype, data=[R1[name], R2[name]]))
    return InferRequest("churn", tensors, parameters={"content_type": "pd"})


async def server_is_there(client: InferenceRESTClient, url: str) -> None:
    expect(await client.is_server_live(url), "not live")
    expect(await client.is_server_ready(url), "not ready")
    expect(await client.is_model_ready(url, "churn"), "the model is not ready")


async def infer_strings(client: InferenceRESTClient, url: str) -> None:
    response = await client.infer(url, request(), model_name="churn")
    expect(response.outputs[0].data == LABELS, response.outputs[0].data)


async def infer_raw(client: InferenceRESTClient, url: str) -> None:
    response = await client.infer(url, request(age=np.array([40, 25])), model_name="churn")
    expect(response.outputs[0].data == LABELS, response.outputs[0].data)


async def predict_v1(client: InferenceRESTClient, url: str) -> None:
    answer = await client.infer(url, {"instances": [R1, R2]}, model_name="churn")
    expect(answer["predictions"] == LABELS, answer)


CALLS: Calls = {
    "`is_server_live`, `is_server_ready`, `is_model_ready`": call(server_is_there),
    "`infer` with a string column, `content_type: pd`": call(infer_strings),
    "`infer`, one tensor raw": call(infer_raw),
    '`infer` by v1, `{"instances": [{...}]}`': call(predict_v1, "v1"),
}

if __name__ == "__main__":
    report(CALLS)
