"""Trains the model of a folder in several processes: the middle of main.ts's way to PyTorch and back.

    python3 train.py FOLDER --processes 2 --epochs 2 --batch 64 --lr 0.05 --seed 1

The folder has net.py (by toPyTorch), model.safetensors (by saveModel), and data.safetensors (images, labels,
test_images, test_labels). Writes trained.safetensors and report.json. Every process trains on its share of the
samples; DistributedDataParallel averages their gradients in each step, so their weights stay the same.
"""
import argparse
import json
import os
import sys
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel


def average_statistics(model):
    """Running statistics differ from process to process: each has seen other samples."""
    for buffer in model.buffers():
        if buffer.is_floating_point():
            dist.all_reduce(buffer)
            buffer /= dist.get_world_size()


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        right = sum(
            int((model(x).argmax(1) == y).sum())
            for x, y in zip(images.split(500), labels.split(500))
        )
    return right / len(labels)


def train(rank, folder, options):
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all processes are on this machine
    torch.set_num_threads(1)
    has_gpu = torch.cuda.is_available()
    dist.init_process_group(
        "nccl" if has_gpu else "gloo",
        init_method=f"file://{folder.resolve()}/rendezvous",
        rank=rank,
        world_size=options.processes,
    )
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True
    import net

    data, _ = net.read_safetensors(folder / "data.safetensors")
    images, labels = data["images"], data["labels"].long()
    model = net.load(folder / "model.safetensors")
    device = torch.device("cuda", rank) if has_gpu else torch.device("cpu")
    if has_gpu:
        # One batch norm over the batches of all processes. Its kernels are CUDA's only.
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
    model.to(device)
    # Without broadcast_buffers each process keeps its own running statistics until they are averaged.
    wrapped = DistributedDataParallel(model, broadcast_buffers=False)
    optimizer = torch.optim.SGD(model.parameters(), lr=options.lr, momentum=0.9)
    for epoch in range(options.epochs):
        model.train()
        generator = torch.Generator().manual_seed(options.seed + epoch)
        order = torch.randperm(len(images), generator=generator)
        share = len(order) // options.processes
        mine = order[rank * share : (rank + 1) * share]
        for chosen in mine.split(options.batch)[: share // options.batch]:
            loss = F.cross_entropy(wrapped(images[chosen].to(device)), labels[chosen].to(device))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        average_statistics(model)
        if rank == 0:
            print(f"epoch {epoch + 1}: loss {float(loss):.4f}", flush=True)
    if rank == 0:
        model.cpu()
        _, metadata = net.read_safetensors(folder / "model.safetensors")
        net.save(model, folder / "trained.safetensors", metadata)
        reached = accuracy(model, data["test_images"], data["test_labels"].long())
        report = {"accuracy": reached, "processes": options.processes}
        (folder / "report.json").write_text(json.dumps(report))
        print(f"accuracy {reached:.4f}", flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    (options.folder / "rendezvous").unlink(missing_ok=True)
    mp.spawn(train, (options.folder, options), nprocs=options.processes)
