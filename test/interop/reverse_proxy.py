"""Proxies in front of a server, started on a port of their own."""

import os
import socket
import subprocess
import tempfile

import run
from lines import PATIENCE, Lines

TRIES = 10  # a free port may be another's by then


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as listener:
        return listener.getsockname()[1]


class Proxy:
    """A program with a configuration file in a folder of its own, ended with a `with` block."""

    READY = None  # matches what it logs when it listens

    def __init__(self, parent, text, **values):
        self.text, self.values = text, values
        self.folder = tempfile.mkdtemp(dir=parent)

    def command(self, config):
        raise NotImplementedError

    def start(self, **options):
        self.port = free_port()
        config = os.path.join(self.folder, 'config')
        with open(config, 'w', encoding='ascii') as file:
            file.write(self.text.format(folder=self.folder, port=self.port, **self.values))
        self.process = subprocess.Popen(self.command(config), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                        bufsize=0, **options)
        self.log = Lines(self.process.stderr)

    def wait_until_ready(self):
        """EOFError: it has ended."""
        self.log.find_all(self.READY)

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)
        self.process.stderr.close()

    def __enter__(self):
        for _ in range(TRIES):
            self.start()
            try:
                self.wait_until_ready()
                return self
            except EOFError as error:
                said = error
            except BaseException:
                self.stop()
                raise
            self.stop()
        raise run.Failure(f'{type(self).__name__} does not start: {said}')

    def __exit__(self, *_):
        self.stop()


NGINX = '''
daemon off;
master_process {master};
pid {folder}/pid;
error_log stderr notice;
events {{}}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  {more}
  server {{
    listen 127.0.0.1:{port}{ssl};
    {locations}
  }}
}}
'''

NGINX_TLS = '''
  ssl_certificate {};
  ssl_certificate_key {};
'''

NGINX_UPGRADING = '''
    location / {{
      proxy_pass {url};
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      {fields}
    }}
'''


def upgrading(url, fields):
    """nginx passes all requests there, upgrades among them, and sets these fields."""
    return NGINX_UPGRADING.format(url=url, fields=fields)


class Nginx(Proxy):
    """`locations` and `more` are parts of its configuration, `pair` the files of a certificate and
    its key."""

    READY = r'getrlimit\(RLIMIT_NOFILE\)'

    def __init__(self, parent, locations, more='', pair=None, master='off'):
        if pair is not None:
            more += NGINX_TLS.format(*pair)
        super().__init__(parent, NGINX, locations=locations, more=more, master=master,
                         ssl=' ssl' if pair is not None else '')

    def command(self, config):
        return [run.program('nginx', 'nginx-light'), '-p', self.folder, '-c', config]
