"""Improved RL with Parallel Advantage Actor-Critic."""

from __future__ import annotations

from types import SimpleNamespace

import numpy

import minpy
import minpy.numpy as np
from minpy.core import grad_and_loss
from minpy.nn.model import ModelBase
from minpy.utils.gradient_checker import check_gradients

INPUTS, HIDDEN, ACTIONS, NUM_ENVS, T_MAX = 4, 6, 3, 2, 5
GAMMA, LAMBDA = 0.9, 0.8


class Agent(ModelBase):
    def __init__(self):
        super().__init__()
        self.config = SimpleNamespace(vf_wt=0.5, entropy_wt=0.01)
        self.add_param("fc1", (HIDDEN, INPUTS)).add_param("policy_fc_last", (ACTIONS, HIDDEN)).add_param(
            "vf_fc_last", (1, HIDDEN)
        ).add_param("vf_fc_last_bias", (1,))
        for name, config in self.param_configs.items():
            self.params[name] = np.random.normal(0, 0.5, config["shape"])
        self.gradient = grad_and_loss(minpy.jit(self.loss_of), [0, 1, 2, 3])

    def forward(self, X, mode="train"):
        a = np.dot(self.params["fc1"], X.T)
        h = np.maximum(0, a)
        # Compute the policy's distribution over actions.
        logits = np.dot(h.T, self.params["policy_fc_last"].T)
        ps = np.exp(logits - np.max(logits, axis=1, keepdims=True))
        ps /= np.sum(ps, axis=1, keepdims=True)
        # Compute the value estimates.
        vs = np.dot(h.T, self.params["vf_fc_last"].T) + self.params["vf_fc_last_bias"]
        return ps, vs

    def act(self, ps):
        return [numpy.random.choice(ACTIONS, p=p / p.sum()) for p in ps.asnumpy().astype("float64")]

    def loss(self, ps, actions_one_hot, vs, rs, advs):
        # Distribution over actions, prevent log of zero.
        ps = np.maximum(1.0e-5, np.minimum(1.0 - 1e-5, ps))
        policy_grad_loss = -np.sum(np.log(ps) * actions_one_hot * advs)
        vf_loss = 0.5 * np.sum((vs - rs) ** 2)
        entropy = -np.sum(ps * np.log(ps))
        loss_ = policy_grad_loss + self.config.vf_wt * vf_loss - self.config.entropy_wt * entropy
        return loss_

    def loss_of(self, fc1, policy_fc_last, vf_fc_last, vf_fc_last_bias, xs, actions_one_hot, rs, advs):
        self.params.update(
            fc1=fc1, policy_fc_last=policy_fc_last, vf_fc_last=vf_fc_last, vf_fc_last_bias=vf_fc_last_bias
        )
        ps, vs = self.forward(xs)
        return self.loss(ps, actions_one_hot, vs, rs, advs)

    def discount(self, xs, factor):
        discounted = [0.0]
        for x in reversed(list(xs)):
            discounted.append(x + factor * discounted[-1])
        return discounted[:0:-1]

    def advantages(self, env_rs, env_vs, gamma=GAMMA, lambda_=LAMBDA):
        """Step (b): discounted rewards with a bootstrapped end, and generalized advantages."""
        discounted_rewards, advantages = [], []
        for i in range(len(env_rs)):
            rs_bootstrap = [] if env_rs[i] == [] else env_rs[i] + [env_vs[i][-1]]
            discounted_rewards.extend(self.discount(rs_bootstrap, gamma)[:-1])
            # See eqn. (16) of [Schulman 2016].
            vs = numpy.array(env_vs[i])
            delta_t = env_rs[i] + gamma * vs[1:] - vs[:-1]
            advantages.extend(self.discount(delta_t, gamma * lambda_))
        return numpy.array(discounted_rewards)[:, None], numpy.array(advantages)[:, None]

    def train_step(self, env_xs, env_as, env_rs, env_vs):
        rs, advs = self.advantages(env_rs, env_vs)
        xs = np.array(numpy.vstack([x for of_one in env_xs for x in of_one]))
        actions_one_hot = np.one_hot(numpy.concatenate(env_as), ACTIONS)
        values = list(self.params.values())
        grads, loss = self.gradient(*values, xs, actions_one_hot, rs, advs)
        self.params.update(zip(self.params, (w - 0.05 * dw for w, dw in zip(values, grads))))
        return float(loss)


def test_policy_and_values():
    ps, vs = Agent().forward(np.random.standard_normal((7, INPUTS)))
    assert (ps.shape, vs.shape) == ((7, ACTIONS), (7, 1))
    numpy.testing.assert_allclose(ps.asnumpy().sum(axis=1), numpy.ones(7), rtol=1e-6)


def test_advantages():
    """Both estimates by their sums, of one environment whose episode goes on."""
    rs, vs = [1.0, 0.0, 2.0], [0.5, -0.25, 1.0, 0.75]
    discounted, advantages = Agent().advantages([rs, []], [vs, [0.0]])
    deltas = [rs[t] + GAMMA * vs[t + 1] - vs[t] for t in range(3)]
    for t in range(3):
        rest = range(3 - t)
        returned = sum(GAMMA**k * rs[t + k] for k in rest) + GAMMA ** (3 - t) * vs[3]
        assert abs(discounted[t, 0] - returned) < 1e-12
        assert abs(advantages[t, 0] - sum((GAMMA * LAMBDA) ** k * deltas[t + k] for k in rest)) < 1e-12
    assert len(discounted) == len(advantages) == 3


def test_gradient_of_the_loss_of_an_agent():
    agent = Agent()
    xs, rs, advs = (np.random.standard_normal((5, n)) for n in (INPUTS, 1, 1))
    one_hot = np.one_hot([0, 2, 1, 0, 0], ACTIONS)
    check_gradients(agent.loss_of, *agent.params.values(), xs, one_hot, rs, advs, argnum=[0, 1, 2, 3])


class Corridor:
    """Which way to the end? Action 1 leads there, and the others do not."""

    def reset(self):
        self.place = 0
        return numpy.eye(INPUTS)[0]

    def step(self, action):
        self.place += action == 1
        done = self.place == INPUTS - 1
        return numpy.eye(INPUTS)[self.place], 1.0 if action == 1 else -0.5, done, {}


def _2d_list(n):
    return [[] for _ in range(n)]


def test_environments_share_passes():
    agent, rewards = Agent(), []
    for _ in range(20):
        envs = [Corridor() for _ in range(NUM_ENVS)]
        observations = [env.reset() for env in envs]
        done, all_done, total, t = [False] * NUM_ENVS, False, 0.0, 1
        env_xs, env_as = _2d_list(NUM_ENVS), _2d_list(NUM_ENVS)
        env_rs, env_vs = _2d_list(NUM_ENVS), _2d_list(NUM_ENVS)
        while not all_done and t < 40:
            # Get actions and values for all environments in a single forward pass.
            step_xs = np.vstack([o.ravel() for o in observations])
            step_ps, step_vs = agent.forward(step_xs)
            step_as = agent.act(step_ps)
            for i, env in enumerate(envs):
                if not done[i]:
                    obs, r, done[i], _ = env.step(step_as[i])
                    env_xs[i].append(step_xs[i].asnumpy())
                    env_as[i].append(step_as[i])
                    env_vs[i].append(float(step_vs[i, 0]))
                    env_rs[i].append(r)
                    observations[i] = obs
                    total += r
            all_done = all(done)
            if all_done or t % T_MAX == 0:
                _, ends = agent.forward(np.vstack(observations))
                for i in range(NUM_ENVS):
                    env_vs[i].append(0.0 if done[i] else float(ends[i, 0]))
                agent.train_step(env_xs, env_as, env_rs, env_vs)
                env_xs, env_as = _2d_list(NUM_ENVS), _2d_list(NUM_ENVS)
                env_rs, env_vs = _2d_list(NUM_ENVS), _2d_list(NUM_ENVS)
            t += 1
        rewards.append(total / NUM_ENVS)
    assert numpy.mean(rewards[:5]) + 1 < numpy.mean(rewards[-5:]) <= 3
