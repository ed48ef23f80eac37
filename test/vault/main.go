// A HashiCorp Vault in one process for the tests: its core, its HTTP handler and its key-value engine, with storage in
// memory. It is Vault's own code; what is left out are its other engines, storages and the command line, which do not build
// as a dependency. Usage: vaultmini ADDRESS. Prints one line of JSON once it answers: the root token and the unseal key.
package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/hashicorp/go-hclog"
	kv "github.com/hashicorp/vault-plugin-secrets-kv"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: vaultmini ADDRESS, as in: vaultmini 127.0.0.1:8200")
	}
	if err := serve(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}

func serve(address string) error {
	logger := hclog.New(&hclog.LoggerOptions{Level: hclog.Error, Output: os.Stderr})
	storage, err := inmem.NewInmem(nil, logger)
	if err != nil {
		return err
	}
	core, err := vault.NewCore(&vault.CoreConfig{
		BuiltinRegistry: onlyKeyValue{},
		DisableMlock:    true,
		LogicalBackends: map[string]logical.Factory{engine: kv.Factory},
		Logger:          logger,
		Physical:        storage,
	})
	if err != nil {
		return err
	}
	made, err := core.Initialize(context.Background(), &vault.InitParams{
		BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1},
	})
	if err != nil {
		return err
	}
	// Unseal wipes the key that it is given.
	unsealKey := hex.EncodeToString(made.SecretShares[0])
	if _, err := core.Unseal(made.SecretShares[0]); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]string{
		"root_token": made.RootToken,
		"unseal_key": unsealKey,
	}); err != nil {
		return err
	}
	return http.Serve(listener, vaulthttp.Handler.Handler(&vault.HandlerProperties{
		Core:           core,
		ListenerConfig: &configutil.Listener{Address: address},
	}))
}

const engine = "kv"

// onlyKeyValue is the registry of engines that come with Vault: this one has one.
type onlyKeyValue struct{}

func (onlyKeyValue) Contains(name string, kind consts.PluginType) bool {
	return name == engine && kind == consts.PluginTypeSecrets
}

func (registry onlyKeyValue) Get(name string, kind consts.PluginType) (func() (interface{}, error), bool) {
	if !registry.Contains(name, kind) {
		return nil, false
	}
	return func() (interface{}, error) { return logical.Factory(kv.Factory), nil }, true
}

func (onlyKeyValue) Keys(kind consts.PluginType) []string {
	if kind == consts.PluginTypeSecrets {
		return []string{engine}
	}
	return nil
}

func (registry onlyKeyValue) DeprecationStatus(name string, kind consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, registry.Contains(name, kind)
}

func (onlyKeyValue) IsBuiltinEntPlugin(string, consts.PluginType) bool {
	return false
}
