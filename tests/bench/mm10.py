# SPDX-License-Identifier: MIT
"""M/M/10 at a load of 0.9 on SimPy 2 (Debian's python3-simpy): customers, model events, seconds of CPU, mean wait."""
import random
import sys
import time

from SimPy.Simulation import Process, Resource, Simulation, hold, release, request

customers = int(sys.argv[1])
draw = random.Random(1)
waits = []
world = Simulation()
desk = Resource(capacity=10, sim=world)


class Customer(Process):
    def visit(self):
        came = self.sim.now()
        yield request, self, desk
        waits.append(self.sim.now() - came)
        yield hold, self, draw.expovariate(1.0)
        yield release, self, desk


class Source(Process):
    def run(self):
        for _ in range(customers):
            customer = Customer(sim=self.sim)
            self.sim.activate(customer, customer.visit())
            yield hold, self, draw.expovariate(9.0)


source = Source(sim=world)
world.activate(source, source.run())
began = time.process_time()
world.simulate(until=1e12)
took = time.process_time() - began
print(len(waits), 2 * len(waits), f"{took:.6f} {sum(waits) / len(waits):.4f}")
