"""The program wsuv_echo."""

import re
import subprocess

PATIENCE = 20  # seconds, for it to end


class Echo:
    """It is ended with a `with` block, after which it must have lost nothing."""

    def __init__(self, program, *options):
        self.command = [program, *options]

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().rstrip().removeprefix('listening on ')
        port = re.search(r':(\d+)$', self.address)
        self.port = int(port.group(1)) if port else 0
        return self

    def __exit__(self, *_):
        self.process.terminate()
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        if status != 0:
            raise RuntimeError(f'the server has ended with {status}')
